"""Singer tap for access reviews of Intercom: who has access, with what role, seat and teams."""
