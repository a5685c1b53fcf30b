"""Long work as folders on disk: what a run is (`run`), who carries it out (`work`), who starts and
cancels it (`jobs`)."""
