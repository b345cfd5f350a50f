//! The rendezvous between cloud service and agent
