"""The sample: one invented company, its people and six decisions, told through the real actions."""
