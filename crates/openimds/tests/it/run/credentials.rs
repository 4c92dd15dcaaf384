//! Role credentials of a command, for the command of `imds run`.

use std::fs;

use super::{folder, users};

#[test]
fn the_command_finds_the_keys_of_a_process_and_needs_a_token_for_them() {
    for user in users() {
        let folder = folder();
        let file = folder.path().join("imds.toml");
        // What is said of where metadata is, is said to guests, and not to what has the keys.
        let script = "printf '{\"Version\":1,\"AccessKeyId\":\"ASIA%s\",\"SecretAccessKey\":\"s\"}' \
                      \"${AWS_EC2_METADATA_SERVICE_ENDPOINT-}${AWS_CONTAINER_CREDENTIALS_FULL_URI-}x$KEPT\"";
        fs::write(folder.path().join("keys.sh"), script).unwrap();
        let text = format!(
            "[[instance]]\n[instance.role]\nname = \"web\"\n[instance.role.credentials]\nkind = \"process\"\n\
             command = \"/bin/sh {}/keys.sh\"\n",
            folder.path().display()
        );
        fs::write(&file, text).unwrap();
        let ask = "\"$IMDS\" get iam/security-credentials/web; \
                   curl --silent --output /dev/null --max-time 10 --write-out '\\n%{http_code}' \
                   http://169.254.169.254/latest/meta-data/";
        let mut command = user.run(&["--config", file.to_str().unwrap()], &["sh", "-c", ask]);
        command.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254").env("KEPT", "kept");
        command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9");
        let told = super::Said::by(&mut command).well();
        assert!(told.contains("\"AccessKeyId\" : \"ASIAxkept\""), "{told}");
        assert!(told.ends_with("\n401"), "{told}");
    }
}
