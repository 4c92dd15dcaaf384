# shellcheck shell=bash
# Sourced by check: roles, and credentials that mean something because the door verifies them.

trust='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
    "Principal": {"Service": "ec2.amazonaws.com", "AWS": "123456789012"}}]}'

iam() {
    timeout 60 "$IMDS_CLIENTS/venv/bin/aws" iam "$@"
}

# caller: who the CLI's credentials are.
caller() {
    timeout 60 "$IMDS_CLIENTS/venv/bin/aws" sts get-caller-identity --query Arn --output text
}

# role NAME: with an instance profile of the same name, whose ARN is printed.
role() {
    iam create-role --role-name "$1" --assume-role-policy-document "$trust" >/dev/null
    iam create-instance-profile --instance-profile-name "$1" --query InstanceProfile.Arn --output text
    iam add-role-to-instance-profile --instance-profile-name "$1" --role-name "$1"
}

an_instance_signs_with_its_roles_credentials() {
    local profile id credentials=meta-data/iam/security-credentials
    guarded
    equal "the account" "$(caller)" arn:aws:iam::123456789012:root
    profile=$(role app)
    iam attach-role-policy --role-name app --policy-arn arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess
    equal "its policies" AmazonS3ReadOnlyAccess "$(iam list-attached-role-policies --role-name app \
        --query 'AttachedPolicies[].PolicyName' --output text)"
    id=$(launch 127.0.7.9 --iam-instance-profile Name=app)
    equal "the profile" "$(read_as 127.0.7.9 meta-data/iam/info | member InstanceProfileArn)" "$profile"
    equal "the roles" "$(read_as 127.0.7.9 $credentials/)" app
    read_as 127.0.7.9 $credentials/app >"$scratch/credentials"

    sign_with_file "$scratch/credentials" Token
    equal "the instance" "$(caller)" "arn:aws:sts::123456789012:assumed-role/app/$id"
    equal "what it may ask" "$id" "$(ec2 describe-instances --filters Name=private-ip-address,Values=127.0.7.9 \
        --output text --query 'Reservations[].Instances[].InstanceId')"

    sign_with_file "$scratch/key"
    timeout 60 "$IMDS_CLIENTS/venv/bin/aws" sts assume-role --role-arn arn:aws:iam::123456789012:role/app \
        --role-session-name me --query Credentials --output json >"$scratch/credentials"
    sign_with_file "$scratch/credentials" SessionToken
    equal "the session" "$(caller)" arn:aws:sts::123456789012:assumed-role/app/me
}

keys_that_are_not_good_are_refused() {
    local tries=0
    guarded
    role app >/dev/null
    launch 127.0.7.9 --iam-instance-profile Name=app >/dev/null
    read_as 127.0.7.9 meta-data/iam/security-credentials/app >"$scratch/credentials"

    sign_with "$AWS_ACCESS_KEY_ID" wrong
    refused_by sts SignatureDoesNotMatch get-caller-identity
    refused_by iam SignatureDoesNotMatch list-roles
    refused_by elasticbeanstalk SignatureDoesNotMatch describe-environments
    refused AuthFailure describe-instances
    sign_with AKIANOBODYNOBODY0000 wrong
    refused_by sts InvalidClientTokenId get-caller-identity
    refused AuthFailure describe-instances
    # Of a role, without the token that belongs to them.
    sign_with_file "$scratch/credentials"
    refused_by sts InvalidClientTokenId get-caller-identity
    refused_by sts MissingAuthenticationToken get-caller-identity --no-sign-request

    # The service watches its keys.
    "$IMDS" keys add --state "$scratch/state" --json >"$scratch/second"
    sign_with_file "$scratch/second"
    until caller >"$scratch/out" 2>&1; do
        [[ $((tries += 1)) -lt 20 ]] || fail "a new key is not taken: $(<"$scratch/out")"
    done
    "$IMDS" keys remove --state "$scratch/state" "$(member AccessKeyId <"$scratch/second")"
    tries=0
    while caller >"$scratch/out" 2>&1; do
        [[ $((tries += 1)) -lt 20 ]] || fail "a removed key is still taken"
    done
    refused_by sts InvalidClientTokenId get-caller-identity
}

roles_and_profiles_refuse_what_iam_refuses() {
    role app >/dev/null
    refused_by iam EntityAlreadyExists create-role --role-name app --assume-role-policy-document "$trust"
    refused_by iam EntityAlreadyExists create-instance-profile --instance-profile-name app
    refused_by iam LimitExceeded add-role-to-instance-profile --instance-profile-name app --role-name app
    refused_by iam NoSuchEntity get-role --role-name none
    refused_by iam NoSuchEntity get-instance-profile --instance-profile-name none
    refused_by iam DeleteConflict delete-role --role-name app
    refused_by iam MalformedPolicyDocument create-role --role-name odd --assume-role-policy-document '{'
    refused_by iam InvalidAction list-users
    equal "the trust" ec2.amazonaws.com "$(iam get-role --role-name app --output text \
        --query 'Role.AssumeRolePolicyDocument.Statement[0].Principal.Service')"
    iam remove-role-from-instance-profile --instance-profile-name app --role-name app
    iam delete-instance-profile --instance-profile-name app
    iam delete-role --role-name app
    equal "the roles" '' "$(iam list-roles --query 'Roles[].RoleName' --output text)"
}

# The commands of docs/credentials.md as they stand there, in a network that has nothing but loopback, whose ports are free.
a_role_of_the_file_is_made_as_the_page_says() {
    local commands enter=(unshare --net)
    [[ $EUID == 0 ]] || enter+=(--user --map-current-user --keep-caps)
    commands=$(sed -n '/^    cd "$(mktemp -d)"/,/^    curl -s http/ s/^    //p' "$here/../../../docs/credentials.md")
    [[ $commands == *"aws iam create-role"*"curl -s"* ]] || fail "the page has no such commands"
    mkdir "$scratch/bin" "$scratch/page"
    ln -s "$IMDS" "$scratch/bin/imds"
    ln -s "$IMDS_CLIENTS/venv/bin/aws" "$scratch/bin/aws"
    (
        cd "$scratch/page"
        printf 'ip link set lo up\n%s\nkill $!\nwait $!\n' "$commands" >script
        TMPDIR=$scratch/page PATH="$scratch/bin:$PATH" timeout 120 "${enter[@]}" bash script >out 2>err
    ) || fail "the page's commands end badly: $(<"$scratch/page/err")"
    [[ $(<"$scratch/page/out") == *'"RoleName": "web"'*'"Code" : "Success"'*'"AccessKeyId" : "ASIA'* ]] ||
        fail "no keys: $(<"$scratch/page/out")"
    [[ $(<"$scratch/page/err") == *"there is no role web"* ]] || fail "it is not said: $(<"$scratch/page/err")"
}

check "an instance signs with its role's credentials" an_instance_signs_with_its_roles_credentials
check "keys that are not good" keys_that_are_not_good_are_refused
check "a role of the file, as the page says" a_role_of_the_file_is_made_as_the_page_says
check "roles, profiles, and what IAM refuses" roles_and_profiles_refuse_what_iam_refuses
