"""Rules: configurations, commands, summaries. Nothing in here touches a file, a clock, a process or the environment."""
