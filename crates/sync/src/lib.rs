//! The synchronisation engine
