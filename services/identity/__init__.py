"""Identity: accounts, passwords and sessions; who is calling, and nothing about supplies or money."""
