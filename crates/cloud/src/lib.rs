//! The cloud service
