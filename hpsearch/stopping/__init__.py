"""Values of runs while they go on, and rules that say which run is hopeless."""
