-- The tenants' pages in PostgreSQL, for a database of their own; its superuser runs this once. Row-level security compares a
-- page's tenant with the setting app.tenant: where it is not set, no page is seen and none is written.
CREATE ROLE tenants LOGIN;
CREATE TABLE page (
    tenant integer NOT NULL DEFAULT nullif(current_setting('app.tenant', true), '')::integer,
    number integer NOT NULL,
    text text NOT NULL,
    PRIMARY KEY (tenant, number)
);
ALTER TABLE page ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON page USING (tenant = nullif(current_setting('app.tenant', true), '')::integer);
GRANT SELECT, INSERT, UPDATE ON page TO tenants;
