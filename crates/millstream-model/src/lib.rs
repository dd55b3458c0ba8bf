//! Train, register, gate and score models.
