// Asks node-ec2-metadata for one value and prints the status and the value, or the status of its refusal.

const metadata = require('node-ec2-metadata');

metadata.getMetadataForInstance(process.argv[2]).then(
  (value) => console.log(`200 ${value}`),
  (error) => console.log(`${error.code}`),
);
