"""Values of live runs, and rules that say which run is hopeless."""
