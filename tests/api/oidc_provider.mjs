// A real OpenID provider for the tests: node oidc_provider.mjs PORT REDIRECT_URI. Whoever signs in is who they say.
import Provider from 'oidc-provider';

const [port, redirect] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'poolproof',
      client_secret: 'a secret of the test and of nothing else',
      redirect_uris: [redirect],
      response_types: ['code'],
      grant_types: ['authorization_code'],
      token_endpoint_auth_method: 'client_secret_basic',
    },
  ],
  pkce: { required: () => true },
  cookies: { keys: ['of the test'] },
});
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
