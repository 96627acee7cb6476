-- kind: breaking
ALTER TABLE orders RENAME COLUMN customer_email TO customer;
