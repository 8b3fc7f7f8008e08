import { access } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type DoctorItem, item } from './doctor-item.ts';

/**
 * Where AWS credentials would come from, by name only: no value is read, and no file is opened. Credentials of an
 * instance role are not looked for, as that needs the network.
 */
async function credentialSources(): Promise<string[]> {
  const has = (name: string): boolean => Boolean(process.env[name]);
  const sources: string[] = [];
  if (has('AWS_ACCESS_KEY_ID') && has('AWS_SECRET_ACCESS_KEY')) sources.push('AWS_ACCESS_KEY_ID');
  if (has('AWS_PROFILE')) sources.push('AWS_PROFILE');
  if (has('AWS_WEB_IDENTITY_TOKEN_FILE')) sources.push('AWS_WEB_IDENTITY_TOKEN_FILE');
  if (has('AWS_CONTAINER_CREDENTIALS_RELATIVE_URI') || has('AWS_CONTAINER_CREDENTIALS_FULL_URI'))
    sources.push('the container');
  const files = [
    process.env['AWS_SHARED_CREDENTIALS_FILE'] ?? join(homedir(), '.aws', 'credentials'),
    process.env['AWS_CONFIG_FILE'] ?? join(homedir(), '.aws', 'config'),
  ];
  for (const file of files) {
    const present = await access(file).then(
      () => file !== '/dev/null',
      () => false,
    );
    if (present) sources.push(file);
  }
  return sources;
}

export async function awsItems(): Promise<DoctorItem[]> {
  const sources = await credentialSources();
  return [
    item('AWS credentials', 'AWS', sources.length > 0, {
      found: sources.length > 0 ? `present: ${sources.join(', ')}` : 'none',
      needed: 'any that the AWS SDK finds',
      fix: '`aws configure`, `aws sso login`, or an instance role',
    }),
  ];
}
