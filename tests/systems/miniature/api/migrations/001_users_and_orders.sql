-- kind: additive
CREATE TABLE users (
    email text PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_email text NOT NULL REFERENCES users (email),
    amount_cents bigint NOT NULL CHECK (amount_cents > 0),
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO users (email, created_at)
SELECT 'customer' || n || '@example.com', timestamptz '2026-01-01 00:00+00' + n * interval '1 day'
FROM generate_series(1, 20) AS n;
INSERT INTO orders (customer_email, amount_cents, created_at)
SELECT 'customer' || 1 + n % 20 || '@example.com', 100 + n * 7, timestamptz '2026-02-01 00:00+00' + n * interval '1 hour'
FROM generate_series(1, 200) AS n;
