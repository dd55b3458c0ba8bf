//! One listener: authentication, limits, health; mounts the rooms' routers.
