// Prints the instance id, then asks for a category that is absent. The SDK does not read the body of a 404, so that the
// process lives until the service closes the idle connection.

const { MetadataService } = require('@aws-sdk/ec2-metadata-service');

async function main() {
  const service = new MetadataService({});
  console.log(await service.request('/latest/meta-data/instance-id', {}));
  const absent = await service.request('/latest/meta-data/spot/instance-action', {}).catch((error) => error);
  if (!/status code 404$/.test(absent.message)) throw new Error(`expected 404, got ${absent}`);
}

main();
