# shellcheck shell=bash
# Sourced by check: Elastic Beanstalk with the AWS CLI, its waiters included, which ask every 20 seconds.

eb() {
    timeout 200 "$IMDS_CLIENTS/venv/bin/aws" elasticbeanstalk "$@"
}

# set_imdsv1 ACTION VALUE [OPTION...]: the environment `web-env` with DisableIMDSv1=VALUE.
set_imdsv1() {
    eb "$1" --environment-name web-env "${@:3}" --option-settings \
        "Namespace=aws:autoscaling:launchconfiguration,OptionName=DisableIMDSv1,Value=$2"
}

# settings: a line for each of the environment's configurations, with its DisableIMDSv1.
settings() {
    eb describe-configuration-settings --application-name shop --environment-name web-env --output text --query \
        "ConfigurationSettings[].[DeploymentStatus, OptionSettings[?OptionName=='DisableIMDSv1'].Value | [0]]"
}

# instance: the id and the address of the environment's only instance.
instance() {
    local id
    id=$(eb describe-environment-resources --environment-name web-env --output text \
        --query 'EnvironmentResources.Instances[].Id')
    ec2 describe-instances --instance-ids "$id" --output text \
        --query 'Reservations[].Instances[].[InstanceId, PrivateIpAddress]'
}

# environment STACK [OPTION...]: an application, and `web-env` of a stack whose name has STACK in it. Prints its state.
environment() {
    local stack
    stack=$(eb list-available-solution-stacks --output text \
        --query "SolutionStacks[?contains(@, '$1')] | [0]")
    eb create-application --application-name shop >/dev/null
    eb create-environment --application-name shop --environment-name web-env --solution-stack-name "$stack" \
        --query '[Status, Health, Tier.Name]' --output text "${@:2}"
}

an_environment_turns_imdsv1_on() {
    local old old_address new new_address state=(--state "$scratch/state")
    serve "${state[@]}" --environment-delay 100ms
    equal "at first" "$(environment 'Amazon Linux 2023')" $'Launching\tGrey\tWebServer'
    eb wait environment-exists --environment-names web-env
    equal "its settings" "$(settings)" $'deployed\ttrue'
    read -r old old_address <<<"$(instance)"
    equal "an IMDSv1 call" "$(status "$old_address" meta-data/instance-id)" 401
    equal "the id" "$(read_as "$old_address" meta-data/instance-id "$(token "$old_address")")" "$old"

    # The CLI needs a while to ask what goes on meanwhile.
    serve "${state[@]}" --environment-delay 15s
    equal "the update" "$(set_imdsv1 update-environment false --query Status --output text)" Updating
    equal "the settings while it runs" "$(settings)" $'deployed\ttrue\npending\tfalse'
    eb wait environment-updated --environment-names web-env
    equal "the settings after it" "$(settings)" $'deployed\tfalse'
    read -r new new_address <<<"$(instance)"
    [[ $new != "$old" ]] || fail "the instance $old was not replaced"
    equal "the id without a token" "$(read_as "$new_address" meta-data/instance-id)" "$new"
    equal "the old instance" terminated "$(ec2 describe-instances --instance-ids "$old" --output text \
        --query 'Reservations[].Instances[].State.Name')"

    eb describe-events --environment-name web-env --output text --query 'Events[].[Message]' >"$scratch/events"
    equal "the newest event" "$(head -n 1 "$scratch/events")" 'Environment update completed successfully.'
    equal "the oldest event" "$(tail -n 1 "$scratch/events")" 'createEnvironment is starting.'
    equal "events that are errors" '' \
        "$(eb describe-events --environment-name web-env --severity ERROR --query 'Events[].Message' --output text)"

    serve "${state[@]}" --environment-delay 100ms
    equal "the end" Terminating "$(eb terminate-environment --environment-name web-env --query Status --output text)"
    eb wait environment-terminated --environment-names web-env
    status "$new_address" meta-data/instance-id >/dev/null
    [[ $(<"$scratch/body") != "$new" ]] || fail "the terminated environment's instance is answered"
    eb delete-application --application-name shop
}

a_stack_decides_what_the_creation_leaves_open() {
    local id address
    serve --environment-delay 100ms
    environment 'Amazon Linux 2 ' >/dev/null
    eb wait environment-exists --environment-names web-env
    equal "its settings" "$(settings)" $'deployed\tfalse'
    read -r id address <<<"$(instance)"
    equal "the id without a token" "$(read_as "$address" meta-data/instance-id)" "$id"

    refused_by elasticbeanstalk ConfigurationValidationException update-environment --environment-name web-env \
        --option-settings Namespace=aws:autoscaling:launchconfiguration,OptionName=DisableIMDSv1,Value=bogus
    [[ $(<"$scratch/out") == *"Value is not one of the allowed values: [true, false]"* ]] || fail "$(<"$scratch/out")"
    refused_by elasticbeanstalk ConfigurationValidationException update-environment --environment-name web-env \
        --option-settings Namespace=aws:autoscaling:launchconfiguration,OptionName=DisableIMDSv9,Value=true
    refused_by elasticbeanstalk InvalidParameterValue update-environment --environment-name none \
        --option-settings Namespace=aws:autoscaling:launchconfiguration,OptionName=DisableIMDSv1,Value=true
    refused_by elasticbeanstalk InvalidParameterValue create-environment --application-name shop \
        --environment-name web-env --solution-stack-name '64bit Amazon Linux 2023 v4.7.0 running Python 3.11'
    refused_by elasticbeanstalk InvalidParameterValue create-environment --application-name shop \
        --environment-name other-env --solution-stack-name none
    equal "nothing happened" "$(instance)" "$id"$'\t'"$address"
}

check "an environment turns IMDSv1 on, while the CLI's waiters wait" an_environment_turns_imdsv1_on
check "an environment's stack, and errors" a_stack_decides_what_the_creation_leaves_open
