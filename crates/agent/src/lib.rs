//! The agent
