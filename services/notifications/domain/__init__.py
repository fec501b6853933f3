"""Rules of notifying: who is told, by which way, and how often a mail is tried."""
