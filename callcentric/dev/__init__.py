"""Development tools: the clock, the outbox and the test cards. Only PORTAL_DEV gives them an address."""
