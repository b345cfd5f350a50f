//! A real Active Directory on this machine
