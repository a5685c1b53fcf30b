"""What a browser needs to draw chains and trees: their data, scripts and styles, which the app's
components and exported pages share."""
