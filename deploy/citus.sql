-- Spreads the tables over the workers of a Citus cluster (12 or newer) by tenant. As the owner, on
-- the coordinator, once after `tocsin migrate`; what is stored already moves with it.
--
-- Every key carries tenant_id, and every statement of a tenant names it, so that each is sent to one
-- worker. Lists of all tenants (operator's lists, the scan for waiting jobs) ask all workers.
--
-- The tests hold that the keys allow this (tests/deploy/test_citus.py); they run on no cluster.

-- The policies read `app.tenant_id`: what a transaction sets goes to the workers with it.
SELECT format('ALTER DATABASE %I SET citus.propagate_set_commands = local', current_database()) \gexec
SET citus.propagate_set_commands = 'local';

-- Citus takes no subqueries in policies. Without them each row that is stored asks anew for whom it is.
SELECT format(
    'ALTER POLICY tenant ON %I USING (%I = nullif(current_setting(''app.tenant_id'', true), '''')::uuid)',
    tablename, CASE tablename WHEN 'tenants' THEN 'id' ELSE 'tenant_id' END
) FROM pg_policies WHERE schemaname = 'public' AND policyname = 'tenant' \gexec

-- On each worker, whole: all keys point to it, and a slug is unique among all tenants.
SELECT create_reference_table('tenants');

SELECT create_distributed_table('series', 'tenant_id', colocate_with => 'none');
SELECT create_distributed_table('api_keys', 'tenant_id', colocate_with => 'series');
SELECT create_distributed_table('points', 'tenant_id', colocate_with => 'series');
SELECT create_distributed_table('scores', 'tenant_id', colocate_with => 'series');
SELECT create_distributed_table('digests', 'tenant_id', colocate_with => 'series');
SELECT create_distributed_table('replaced_scores', 'tenant_id', colocate_with => 'series');
SELECT create_distributed_table('events', 'tenant_id', colocate_with => 'series');
SELECT create_distributed_table('feedback', 'tenant_id', colocate_with => 'series');
SELECT create_distributed_table('models', 'tenant_id', colocate_with => 'series');
SELECT create_distributed_table('jobs', 'tenant_id', colocate_with => 'series');
SELECT create_distributed_table('idempotency_keys', 'tenant_id', colocate_with => 'series');
SELECT create_distributed_table('sessions', 'tenant_id', colocate_with => 'series');
SELECT create_distributed_table('webhooks', 'tenant_id', colocate_with => 'series');
SELECT create_distributed_table('webhook_deliveries', 'tenant_id', colocate_with => 'series');
SELECT create_distributed_table('audit', 'tenant_id', colocate_with => 'series');
