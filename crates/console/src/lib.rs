//! The web console's HTTP API, live feed and health.
