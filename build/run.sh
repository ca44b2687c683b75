#!/usr/bin/env bash
# Runs the built executable in the foreground with an example: an SQLite file with one site.
set -euo pipefail
cd "$(dirname "$0")/.."
erouted=$PWD/build/out/erouted
folder=$PWD/build/out/run
config=$folder/erouted.toml
mkdir -p "$folder"

# Without root, no low ports and no kernel data path; without ESP in the kernel, no packets.
ports="" dataplane=none
if [ "$(id -u)" = 0 ]; then
  probe="ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1001 mode tunnel"
  key=0x0102030405060708090a0b0c0d0e0f1011121314
  if unshare --net $probe aead 'rfc4106(gcm(aes))' $key 128 2>/dev/null; then dataplane=xfrm; fi
else
  ports=$'port = 5500\nnat_port = 4501'
fi

cat >"$config" <<END
[ike]
listen = "127.0.0.1"
$ports

[dataplane]
kind = "$dataplane"

[status]
listen = "127.0.0.1:8080"

[[egroup]]
name = "sites"
database = "sqlite:$folder/peers.db"

[[eroute]]
name = "fleet"
egroup = "sites"
peerid = "site-*"
ourid = "concentrator.example"
local_subnet = "10.0.0.0/16"
remote_subnet = "192.168.0.0/16"
END
if [ ! -e "$folder/peers.db" ]; then
  "$erouted" peers init --config "$config"
  printf 'example key, not a secret' | "$erouted" peers add --config "$config" \
    --peerid site-1 --remip 192.168.1.0 --remmsk 255.255.255.0 --password-stdin
fi
echo "configuration: $config; dataplane: $dataplane; status: http://127.0.0.1:8080/"
exec "$erouted" run --config "$config"
