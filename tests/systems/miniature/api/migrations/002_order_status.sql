-- kind: additive
ALTER TABLE orders ADD COLUMN status text NOT NULL DEFAULT 'accepted';
ALTER TABLE orders ADD COLUMN idempotency_key text UNIQUE;
CREATE INDEX orders_by_creation ON orders (created_at);
