import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * A client of the HTTP API that loses nothing and doubles nothing: post an event, and sign requests where the key asks
 * for it. Needs Java 17 and no library.
 *
 * <pre>LEDGER_URL=https://ledger.example LEDGER_KEY=poolproof_… java PoolproofClient.java event.json</pre>
 */
public final class PoolproofClient {
    /** Answers after which the same request is sent again. 409 is not here: another event holds the place. */
    private static final Set<Integer> AGAIN = Set.of(408, 429, 500, 502, 503, 504);

    private static final int TRIES = 12;
    /** What stands before an Ed25519 seed in PKCS #8 (RFC 8410). */
    private static final byte[] PKCS8 = java.util.HexFormat.of().parseHex("302e020100300506032b657004220420");

    private final URI url;
    private final String key;
    private final PrivateKey signer;
    /** HTTP/1.1: without TLS this client would first ask to upgrade, with a body that servers then refuse. */
    private final HttpClient http =
            HttpClient.newBuilder()
                    .version(HttpClient.Version.HTTP_1_1)
                    .connectTimeout(Duration.ofSeconds(10))
                    .build();

    /** One key's way to one service; {@code seed} is null for a key whose requests need no signature. */
    public PoolproofClient(URI url, String key, byte[] seed) throws GeneralSecurityException {
        this.url = url;
        this.key = key;
        this.signer = seed == null ? null : privateKey(seed);
    }

    /**
     * The acceptance of an event, whatever happens on the way. An event keeps its id: sent again, it is answered with the
     * acceptance of the first time, so everything that may pass is simply tried again, later and later.
     */
    public String postEvent(byte[] event) throws IOException, InterruptedException, GeneralSecurityException {
        IOException last = null;
        for (int attempt = 0; attempt < TRIES; attempt++) {
            double wait = Math.scalb(0.25, attempt);
            try {
                HttpResponse<String> answer =
                        http.send(request("POST", "/v1/events", event), HttpResponse.BodyHandlers.ofString());
                if (answer.statusCode() / 100 == 2) {
                    return answer.body();
                }
                last = new IOException(answer.statusCode() + " " + answer.body());
                if (!AGAIN.contains(answer.statusCode())) {
                    throw new IllegalStateException(last.getMessage());
                }
                wait = answer.headers().firstValue("Retry-After").map(Double::parseDouble).orElse(wait);
            } catch (IOException error) {
                last = error;
            }
            Thread.sleep((long) (1000 * Math.min(wait, 60) * (0.5 + Math.random() / 2)));
        }
        throw last;
    }

    private HttpRequest request(String method, String target, byte[] body) throws GeneralSecurityException {
        HttpRequest.Builder made =
                HttpRequest.newBuilder(url.resolve(target))
                        .timeout(Duration.ofSeconds(60))
                        .header("Authorization", "Bearer " + key)
                        .header("Content-Type", "application/json")
                        .method(method, HttpRequest.BodyPublishers.ofByteArray(body));
        if (signer != null) {
            byte[] random = new byte[24];
            new SecureRandom().nextBytes(random);
            String nonce = Base64.getUrlEncoder().withoutPadding().encodeToString(random);
            sign(signer, key.split("_")[1], method, target, body, Instant.now().getEpochSecond(), nonce)
                    .forEach(made::header);
        }
        return made.build();
    }

    /** The headers of a signed request (RFC 9421, in the one form that the service reads). */
    static Map<String, String> sign(
            PrivateKey signer, String keyId, String method, String target, byte[] body, long created, String nonce)
            throws GeneralSecurityException {
        int mark = target.indexOf('?');
        String path = mark < 0 ? target : target.substring(0, mark);
        String query = mark < 0 ? "" : target.substring(mark + 1);
        String digest = "sha-256=:" + base64(MessageDigest.getInstance("SHA-256").digest(body)) + ":";
        String parameters =
                "(\"@method\" \"@path\" \"@query\" \"content-digest\");created=" + created + ";nonce=\"" + nonce
                        + "\";keyid=\"" + keyId + "\";alg=\"ed25519\"";
        String base =
                "\"@method\": " + method + "\n\"@path\": " + path + "\n\"@query\": ?" + query + "\n\"content-digest\": "
                        + digest + "\n\"@signature-params\": " + parameters;
        Signature signature = Signature.getInstance("Ed25519");
        signature.initSign(signer);
        signature.update(base.getBytes(StandardCharsets.US_ASCII));
        Map<String, String> headers = new TreeMap<>();
        headers.put("Content-Digest", digest);
        headers.put("Signature-Input", "poolproof=" + parameters);
        headers.put("Signature", "poolproof=:" + base64(signature.sign()) + ":");
        return headers;
    }

    static PrivateKey privateKey(byte[] seed) throws GeneralSecurityException {
        byte[] encoded = java.util.Arrays.copyOf(PKCS8, PKCS8.length + seed.length);
        System.arraycopy(seed, 0, encoded, PKCS8.length, seed.length);
        return KeyFactory.getInstance("Ed25519").generatePrivate(new PKCS8EncodedKeySpec(encoded));
    }

    /** The seed in a file of {@code poolproof party keygen}: PRIVATE+KEY+name+id+base64(01 || seed). */
    static byte[] seed(Path file) throws IOException {
        byte[] raw = Base64.getDecoder().decode(Files.readString(file).strip().split("\\+", 5)[4]);
        return java.util.Arrays.copyOfRange(raw, 1, raw.length);
    }

    private static String base64(byte[] data) {
        return Base64.getEncoder().encodeToString(data);
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, String> given = System.getenv();
        String file = given.get("LEDGER_SIGNING_KEY");
        PoolproofClient client =
                new PoolproofClient(
                        URI.create(given.get("LEDGER_URL")),
                        given.get("LEDGER_KEY"),
                        file == null ? null : seed(Path.of(file)));
        System.out.println(client.postEvent(Files.readAllBytes(Path.of(arguments[0]))));
    }
}
