// Writes and reads a token with the JDBC driver's own class: Cache (save|load) <file> <passphrase> [<access> <refresh> <expiry>]
import com.databricks.internal.sdk.core.oauth.Token;
import com.databricks.jdbc.auth.EncryptedFileTokenCache;
import com.databricks.jdbc.dbclient.impl.common.ClientConfigurator;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;

public class Cache {
    public static void main(String[] args) {
        if (args[0].equals("path")) {
            System.out.println(ClientConfigurator.getTokenCachePath(args[1], args[2], List.of(args[3].split(","))));
            return;
        }
        EncryptedFileTokenCache cache = new EncryptedFileTokenCache(Path.of(args[1]), args[2]);
        if (args[0].equals("save")) {
            cache.save(new Token(args[3], "Bearer", args[4], Instant.parse(args[5])));
        } else {
            Token token = cache.load();
            System.out.println(token == null ? "null" : token.getAccessToken() + " " + token.getRefreshToken());
        }
    }
}
