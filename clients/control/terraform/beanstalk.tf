# An environment of Elastic Beanstalk; the endpoint and the keys are the environment's.
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {}

variable "disable_imdsv1" {
  type = string
}

data "aws_elastic_beanstalk_solution_stack" "python" {
  most_recent = true
  name_regex  = "^64bit Amazon Linux 2023 (.*) running Python"
}

resource "aws_elastic_beanstalk_application" "shop" {
  name        = "shop"
  description = "from Terraform"
}

resource "aws_elastic_beanstalk_environment" "web" {
  name                = "web-env"
  application         = aws_elastic_beanstalk_application.shop.name
  solution_stack_name = data.aws_elastic_beanstalk_solution_stack.python.name

  setting {
    namespace = "aws:autoscaling:launchconfiguration"
    name      = "DisableIMDSv1"
    value     = var.disable_imdsv1
  }

  setting {
    namespace = "aws:elasticbeanstalk:application:environment"
    name      = "LEVEL"
    value     = "3"
  }

  tags = {
    team = "blue"
  }
}

data "aws_instance" "web" {
  instance_id = aws_elastic_beanstalk_environment.web.instances[0]
}

output "id" {
  value = data.aws_instance.web.id
}

output "address" {
  value = data.aws_instance.web.private_ip
}
