import { X509Certificate } from 'node:crypto';
import { fromBER } from 'asn1js';
import { Certificate, ContentInfo, SignedData } from 'pkijs';

/** SHA-256, -384, -512: what was signed under an older hash says nothing. */
const DIGESTS = new Set(['2.16.840.1.101.3.4.2.1', '2.16.840.1.101.3.4.2.2', '2.16.840.1.101.3.4.2.3']);

function certificateOf(pem: string): Certificate {
  return new Certificate({ schema: fromBER(new Uint8Array(new X509Certificate(pem).raw)).result });
}

/**
 * What a PKCS #7 message with its content inside has signed, or null when it is none, or is not signed by the key of
 * this very certificate. Certificates that the message brings along are thrown away: whoever wrote it wrote them, too.
 */
export async function signedContent(base64: string, certificatePem: string): Promise<Buffer | null> {
  try {
    const { result, offset } = fromBER(new Uint8Array(Buffer.from(base64, 'base64')));
    if (offset < 0) return null;
    const message = new SignedData({ schema: new ContentInfo({ schema: result }).content });
    const [signer] = message.signerInfos;
    if (message.signerInfos.length !== 1 || !signer || !DIGESTS.has(signer.digestAlgorithm.algorithmId)) return null;
    message.certificates = [certificateOf(certificatePem)];
    const isGood = await message.verify({ signer: 0, checkChain: false });
    const content = message.encapContentInfo.eContent?.getValue();
    return isGood && content ? Buffer.from(content) : null;
  } catch {
    return null;
  }
}
