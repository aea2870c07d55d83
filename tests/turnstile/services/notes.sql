-- Notes that only their owner may see, as the setting app.owner names it.
CREATE ROLE app LOGIN;
CREATE TABLE note (owner text PRIMARY KEY, text text NOT NULL);
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
CREATE POLICY owners ON note USING (owner = current_setting('app.owner', true));
GRANT SELECT, INSERT, UPDATE ON note TO app;
