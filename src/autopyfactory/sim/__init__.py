"""A simulated WMS and simulated sites, under the real control."""
