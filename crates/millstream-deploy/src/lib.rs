//! Deployments: real time and batch scoring, prediction events.
