"""What knows Triton and nothing of speech: configurations, model repositories, the server process."""
