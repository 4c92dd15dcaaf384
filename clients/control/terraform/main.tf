# What the check applies, changes and destroys; the endpoint and the keys are the environment's.
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {}

variable "http_tokens" {
  type = string
}

variable "public_key" {
  type = string
}

data "aws_ami" "linux" {
  most_recent = true
  owners      = ["amazon"]

  filter {
    name   = "name"
    values = ["al2023-ami-2023.*-x86_64"]
  }
}

resource "aws_ec2_instance_metadata_defaults" "account" {
  http_tokens                 = "required"
  http_put_response_hop_limit = 2
}

resource "aws_key_pair" "me" {
  key_name   = "me"
  public_key = var.public_key
}

resource "aws_launch_template" "web" {
  name          = "web"
  image_id      = data.aws_ami.linux.id
  instance_type = "t3.micro"

  metadata_options {
    http_tokens                 = var.http_tokens
    http_put_response_hop_limit = 2
  }
}

resource "aws_instance" "web" {
  ami           = data.aws_ami.linux.id
  instance_type = "t3.micro"
  key_name      = aws_key_pair.me.key_name
  private_ip    = "127.0.7.9"
  user_data     = "hello"

  metadata_options {
    http_tokens                 = var.http_tokens
    http_put_response_hop_limit = 2
    instance_metadata_tags      = "enabled"
  }

  tags = {
    Name = "web"
  }
}

# Nothing is set here: the account's defaults decide.
resource "aws_instance" "plain" {
  ami           = data.aws_ami.linux.id
  instance_type = "t3.micro"
  private_ip    = "127.0.7.10"

  depends_on = [aws_ec2_instance_metadata_defaults.account]
}

# The template's first version decides; the changed one is for instances to come.
resource "aws_instance" "from_template" {
  private_ip = "127.0.7.11"

  launch_template {
    id      = aws_launch_template.web.id
    version = "1"
  }
}

output "instance" {
  value = aws_instance.web.id
}
