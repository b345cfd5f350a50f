//! The state of the cloud service
