# The router's addresses and routes; this one suits qemu's user network.
ip link set eth0 up
ip address add 10.0.2.15/24 dev eth0
ip route add default via 10.0.2.2
