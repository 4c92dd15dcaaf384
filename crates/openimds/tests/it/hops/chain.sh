# Six network namespaces: the server, two routers behind one another, and a client at each place of the chain.
#
#     c0 --- server --- r1 --- r2 --- c2
#                        |
#                        c1
#
# Started as a user that is root of its own user namespace, with /run its own. $1 is a folder for the capture.
# A client at place P has 10.9.P.1 to 10.9.P.3 (fd09:P::1 to fd09:P::3), and 10.9.P.9, which is nobody's.
set -e

for space in server r1 r2 c0 c1 c2; do
    ip netns add $space
    ip -n $space link set lo up
    # Addresses are there at once: nobody else can have them.
    ip netns exec $space sh -c 'for each in all default; do echo 0 > /proc/sys/net/ipv6/conf/$each/accept_dad; done'
done
for space in r1 r2; do
    ip netns exec $space sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'
done
ip netns exec server sh -c 'echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start'

# join SPACE DEVICE SPACE DEVICE: a link between the two
join() {
    ip link add name "$2" netns "$1" type veth peer name "$4" netns "$3"
    ip -n "$1" link set "$2" up
    ip -n "$3" link set "$4" up
}

# hold SPACE DEVICE ADDRESS...
hold() {
    space=$1 device=$2
    shift 2
    for address; do
        # A tentative one could not yet be a route's source.
        case $address in
        *:*) ip -n $space address add "$address" dev $device nodad ;;
        *) ip -n $space address add "$address" dev $device ;;
        esac
    done
}

# lead SPACE GATEWAY-IPV4 GATEWAY-IPV6 [DETAILS-IPV4 [DETAILS-IPV6]]: the way to the metadata addresses
lead() {
    ip -n "$1" route add 169.254.169.254 via "$2" $4
    ip -n "$1" route add fd00:ec2::254 via "$3" $5
}

join server r1 r1 server
join r1 r2 r2 r1
join c0 eth0 server c0
join c1 eth0 r1 c1
join c2 eth0 r2 c2

hold server lo 169.254.169.254/32 fd00:ec2::254/128
hold server r1 10.9.101.1/24 fd09:101::1/64
hold r1 server 10.9.101.2/24 fd09:101::2/64
hold r1 r2 10.9.102.1/24 fd09:102::1/64
hold r2 r1 10.9.102.2/24 fd09:102::2/64
hold server c0 10.9.0.254/24 fd09:0::fe/64
hold r1 c1 10.9.1.254/24 fd09:1::fe/64
hold r2 c2 10.9.2.254/24 fd09:2::fe/64
for place in 0 1 2; do
    for last in 1 2 3 9; do
        hold c$place eth0 10.9.$place.$last/24 fd09:$place::$last/64
    done
    lead c$place 10.9.$place.254 fd09:$place::fe "src 10.9.$place.1" "src fd09:$place::1"
done
lead r1 10.9.101.1 fd09:101::1
lead r2 10.9.102.1 fd09:102::1
ip -n r1 route add 10.9.2.0/24 via 10.9.102.2
ip -n r1 route add fd09:2::/64 via fd09:102::2
for place in 1 2; do
    ip -n server route add 10.9.$place.0/24 via 10.9.101.2
    ip -n server route add fd09:$place::/64 via fd09:101::2
done

: > "$1/tcpdump"
ip netns exec server tcpdump --immediate-mode -U -s 1024 -B 8192 -i any -y LINUX_SLL -w "$1/capture" tcp 2> "$1/tcpdump" &
until grep -q 'listening on' "$1/tcpdump"; do
    kill -0 $!
    sleep 0.01
done
echo ready
# Does what it is told, until whoever started this is gone.
while read -r told; do
    $told && echo done
done
kill $!
