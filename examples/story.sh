#!/bin/sh
# The story that this project began with, command by command: log in to an instance that requires IMDSv2, ask as IMDSv1
# does, get a 401, and then ask as IMDSv2 does.
#
#     imds run --http-tokens required -- sh examples/story.sh

tell() {
    printf '\n$ %s\n' "$1"
    eval "$1"
}

tell 'curl http://169.254.169.254/latest/meta-data/instance-id'
tell 'TOKEN=`curl -X PUT "http://169.254.169.254/latest/api/token" -H "X-aws-ec2-metadata-token-ttl-seconds: 21600"`'
echo "(a token of ${#TOKEN} characters)"
tell 'curl -H "X-aws-ec2-metadata-token: $TOKEN" http://169.254.169.254/latest/meta-data/instance-id'
echo
tell 'curl -H "X-aws-ec2-metadata-token: $TOKEN" -v http://169.254.169.254/latest/meta-data/'
echo
