"""Long work as folders on disk: what a run is (`run`), where all of them are (`runs_folder`), who
carries one out (`context`), who starts and cancels it (`jobs`)."""
