-- Rows of erouted, as CSV for `erouted peers import`, out of the SQLite file of strongSwan 5 and 6
-- (sql plugin). What is taken is what strongswan-mysql.sql takes.
.mode csv
.headers on
WITH RECURSIVE
  digit(n) AS (VALUES (1), (2), (3), (4), (5), (6), (7), (8)),
  bits(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM bits WHERE n < 32),
  numbers AS (
    SELECT id,
      (SELECT sum((instr('123456789ABCDEF', substr(hex(start_addr), n, 1))) << (4 * (8 - n)))
        FROM digit) AS first,
      (SELECT sum((instr('123456789ABCDEF', substr(hex(end_addr), n, 1))) << (4 * (8 - n)))
        FROM digit) AS last
    FROM traffic_selectors WHERE type = 7
  ),
  texts AS (
    SELECT id, first, last,
      (first >> 24) || '.' || (first >> 16 & 255) || '.' || (first >> 8 & 255) || '.' ||
        (first & 255) AS first_text,
      (last >> 24) || '.' || (last >> 16 & 255) || '.' || (last >> 8 & 255) || '.' ||
        (last & 255) AS last_text,
      (SELECT n FROM bits WHERE 1 << n = last - first + 1 AND first & (last - first) = 0) AS host
    FROM numbers
  ),
  subnets AS (
    SELECT id, ifnull(first_text || '/' || (32 - host), first_text || '-' || last_text) AS subnet
    FROM texts
  ),
  pairs AS (
    SELECT DISTINCT ltrim(p.remote_id, '@') AS name, s.subnet,
      nullif(nullif(i.remote, '%any'), '0.0.0.0') AS peerip
    FROM peer_configs p
      JOIN ike_configs i ON i.id = p.ike_cfg
      JOIN peer_config_child_config pc ON pc.peer_cfg = p.id
      JOIN child_config_traffic_selector ct ON ct.child_cfg = pc.child_cfg AND ct.kind = 1
      JOIN subnets s ON s.id = ct.traffic_selector
    ORDER BY s.id
  ),
  remote AS (
    SELECT name, group_concat(subnet, ', ') AS remip, min(peerip) AS peerip
    FROM pairs GROUP BY name
  ),
  octets AS (SELECT id, type, hex(data) AS hex, data FROM identities),
  names AS (
    SELECT id,
      CASE type WHEN 1 THEN (
        SELECT group_concat((instr('123456789ABCDEF', substr(hex, 2 * n - 1, 1)) << 4) +
          instr('123456789ABCDEF', substr(hex, 2 * n, 1)), '.') FROM digit WHERE n <= 4)
      ELSE CAST(data AS TEXT) END AS name
    FROM octets WHERE type IN (1, 2, 3, 11)
  )
SELECT n.name AS peerid, '0x' || lower(hex(k.data)) AS password, r.remip, r.peerip
FROM shared_secrets k
  JOIN shared_secret_identity ki ON ki.shared_secret = k.id
  JOIN names n ON n.id = ki.identity
  LEFT JOIN remote r ON r.name = n.name
WHERE k.type = 1 AND n.name NOT IN (SELECT ltrim(local_id, '@') FROM peer_configs);
