-- kind: additive
ALTER TABLE orders ADD COLUMN channel text NOT NULL DEFAULT 'web';
CREATE TABLE order_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES orders (id),
    event text NOT NULL,
    happened_at timestamptz NOT NULL DEFAULT now()
);
