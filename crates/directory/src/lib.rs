//! Active Directory
