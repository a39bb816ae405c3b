-- Serves the list of an account's sessions, last seen first, and finds those unseen for longest. May run twice without harm.

ALTER TABLE sessions
  ADD KEY IF NOT EXISTS sessions_seen (user_id, seenTime, id),
  DROP KEY IF EXISTS sessions_user;
