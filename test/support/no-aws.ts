/**
 * No test can reach AWS by accident: credentials, profiles and endpoints of whoever runs the tests are taken away
 * before a test file is loaded. A test that wants an endpoint names the lab's.
 */
for (const name of Object.keys(process.env)) {
  if (name.startsWith('AWS_') && name !== 'AWS_CA_BUNDLE') delete process.env[name];
}
process.env['AWS_CONFIG_FILE'] = '/dev/null';
process.env['AWS_SHARED_CREDENTIALS_FILE'] = '/dev/null';
process.env['AWS_EC2_METADATA_DISABLED'] = 'true';
