//! A world of real processes for tests and the demo
