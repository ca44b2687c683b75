-- Rows of erouted out of the tables of strongSwan 5 and 6 (sql plugin), in MySQL 8 and MariaDB. The
-- table eroutes has to be there (erouted peers init). Taken are keys of IKE (type 1) of each remote
-- ID that is text (FQDN 2, RFC822 3, KEY_ID 11) or an IPv4 address (1), with the IPv4 subnets of its
-- connections. A range that is no subnet is left as a range: erouted peers check then refuses it.
INSERT INTO eroutes (peerid, password, remip, peerip)
WITH
  names AS (
    SELECT id, IF(type = 1, INET6_NTOA(data), CONVERT(data USING utf8mb4)) AS name
    FROM identities WHERE type IN (1, 2, 3, 11)
  ),
  own AS (SELECT DISTINCT TRIM(LEADING '@' FROM local_id) AS name FROM peer_configs),
  ranges AS (
    SELECT id, start_addr, end_addr, CAST(CONV(HEX(start_addr), 16, 10) AS UNSIGNED) AS first,
      CAST(CONV(HEX(end_addr), 16, 10) AS UNSIGNED) ^
        CAST(CONV(HEX(start_addr), 16, 10) AS UNSIGNED) AS host_bits
    FROM traffic_selectors WHERE type = 7
  ),
  subnets AS (
    SELECT id,
      IF(host_bits & (host_bits + 1) = 0 AND first & host_bits = 0,
        CONCAT(INET6_NTOA(start_addr), '/', 32 - BIT_COUNT(host_bits)),
        CONCAT(INET6_NTOA(start_addr), '-', INET6_NTOA(end_addr))) AS subnet
    FROM ranges
  ),
  remote AS (
    SELECT TRIM(LEADING '@' FROM p.remote_id) AS name,
      GROUP_CONCAT(DISTINCT s.subnet ORDER BY s.id SEPARATOR ', ') AS remip,
      NULLIF(NULLIF(MIN(i.remote), '%any'), '0.0.0.0') AS peerip
    FROM peer_configs p
      JOIN ike_configs i ON i.id = p.ike_cfg
      JOIN peer_config_child_config pc ON pc.peer_cfg = p.id
      JOIN child_config_traffic_selector ct ON ct.child_cfg = pc.child_cfg AND ct.kind = 1
      JOIN subnets s ON s.id = ct.traffic_selector
    GROUP BY name
  )
SELECT n.name, CONCAT('0x', LOWER(HEX(k.data))), r.remip, r.peerip
FROM shared_secrets k
  JOIN shared_secret_identity ki ON ki.shared_secret = k.id
  JOIN names n ON n.id = ki.identity
  LEFT JOIN remote r ON r.name = n.name
WHERE k.type = 1 AND n.name NOT IN (SELECT name FROM own);
