package interop;

import jakarta.servlet.http.HttpServletRequest;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Pattern;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpMethod;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.ResponseEntity;
import org.springframework.http.client.ClientHttpResponse;
import org.springframework.http.converter.FormHttpMessageConverter;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClient;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClientService;
import org.springframework.security.oauth2.client.endpoint.OAuth2RefreshTokenGrantRequest;
import org.springframework.security.oauth2.client.endpoint.RestClientAuthorizationCodeTokenResponseClient;
import org.springframework.security.oauth2.client.endpoint.RestClientRefreshTokenTokenResponseClient;
import org.springframework.security.oauth2.client.http.OAuth2ErrorResponseErrorHandler;
import org.springframework.security.oauth2.client.oidc.authentication.OidcIdTokenDecoderFactory;
import org.springframework.security.oauth2.client.oidc.authentication.OidcIdTokenValidator;
import org.springframework.security.oauth2.client.oidc.web.logout.OidcClientInitiatedLogoutSuccessHandler;
import org.springframework.security.oauth2.client.registration.ClientRegistration;
import org.springframework.security.oauth2.client.registration.ClientRegistrationRepository;
import org.springframework.security.oauth2.client.registration.ClientRegistrations;
import org.springframework.security.oauth2.client.registration.InMemoryClientRegistrationRepository;
import org.springframework.security.oauth2.core.DelegatingOAuth2TokenValidator;
import org.springframework.security.oauth2.core.http.converter.OAuth2AccessTokenResponseHttpMessageConverter;
import org.springframework.security.oauth2.core.oidc.user.OidcUser;
import org.springframework.security.oauth2.jwt.JwtDecoderFactory;
import org.springframework.security.oauth2.jwt.JwtTimestampValidator;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.servlet.util.matcher.PathPatternRequestMatcher;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.client.RestClient;

/** A relying party over Spring Security, by discovery and a client alone. Its addresses are those of party.mjs. */
@SpringBootApplication
@RestController
public class Party {
    private static final String ISSUER = System.getenv("ISSUER");
    private static final Duration YESTERDAY = Duration.ofDays(2);

    /** What is done to the next ID token on its way, and by which other token. */
    private record Forgery(String how, String token) {}

    private final AtomicReference<Forgery> forgery = new AtomicReference<>();
    private final ObjectProvider<ClientRegistration> registration;
    private final ObjectProvider<OAuth2AuthorizedClientService> clients;

    Party(ObjectProvider<ClientRegistration> registration, ObjectProvider<OAuth2AuthorizedClientService> clients) {
        this.registration = registration;
        this.clients = clients;
    }

    public static void main(String[] arguments) {
        System.setProperty("server.port", String.valueOf(URI.create(System.getenv("BASE")).getPort()));
        SpringApplication.run(Party.class, arguments);
    }

    @Bean
    ClientRegistration registration() {
        return ClientRegistrations.fromIssuerLocation(ISSUER)
                .registrationId("xinyin")
                .clientId(System.getenv("CLIENT_ID"))
                .clientSecret(System.getenv("CLIENT_SECRET"))
                .redirectUri("{baseUrl}/callback")
                .scope("openid", "profile", "phone", "offline_access")
                .build();
    }

    @Bean
    ClientRegistrationRepository registrations(ClientRegistration registration) {
        return new InMemoryClientRegistrationRepository(registration);
    }

    @Bean
    SecurityFilterChain security(HttpSecurity http, ClientRegistrationRepository registrations) throws Exception {
        var tokens = new RestClientAuthorizationCodeTokenResponseClient();
        tokens.setRestClient(forging());
        var signedOut = new OidcClientInitiatedLogoutSuccessHandler(registrations);
        signedOut.setPostLogoutRedirectUri("{baseUrl}/signed-out");
        return http.authorizeHttpRequests(all -> all.requestMatchers("/login", "/signed-out", "/old", "/error").permitAll().anyRequest().authenticated())
                .oauth2Login(login -> login.loginPage("/login")
                        .redirectionEndpoint(end -> end.baseUri("/callback"))
                        .tokenEndpoint(end -> end.accessTokenResponseClient(tokens))
                        .defaultSuccessUrl("/me", true)
                        .failureHandler((request, response, error) -> {
                            response.setStatus(400);
                            response.setContentType("text/plain");
                            response.getWriter().print(error.getMessage());
                        }))
                .logout(out -> out.logoutRequestMatcher(PathPatternRequestMatcher.withDefaults().matcher(HttpMethod.GET, "/logout"))
                        .logoutSuccessHandler(signedOut))
                .build();
    }

    @Bean
    JwtDecoderFactory<ClientRegistration> decoders() {
        return decoders(Duration.ofSeconds(60));
    }

    /** Spring's own checks, by the clock that provider and parties share. */
    private static OidcIdTokenDecoderFactory decoders(Duration skew) {
        var factory = new OidcIdTokenDecoderFactory();
        factory.setJwtValidatorFactory(client -> {
            var times = new JwtTimestampValidator(skew);
            times.setClock(sharedClock());
            var claims = new OidcIdTokenValidator(client);
            claims.setClockSkew(skew);
            claims.setClock(sharedClock());
            return new DelegatingOAuth2TokenValidator<>(times, claims);
        });
        return factory;
    }

    /** The file holds the seconds by which the shared clock is ahead. A JVM under libfaketime hardly starts. */
    private static Clock sharedClock() {
        return new Clock() {
            @Override
            public Instant instant() {
                try {
                    var ahead = Files.readString(Path.of(System.getenv("CLOCK"))).strip();
                    return Instant.now().plusSeconds(Long.parseLong(ahead.substring(1)));
                } catch (IOException error) {
                    throw new UncheckedIOException(error);
                }
            }

            @Override
            public ZoneId getZone() {
                return ZoneOffset.UTC;
            }

            @Override
            public Clock withZone(ZoneId zone) {
                return this;
            }
        };
    }

    @GetMapping("/login")
    ResponseEntity<Void> login(@RequestParam(required = false) String forge, @RequestParam(required = false) String token) {
        forgery.set(forge == null ? null : new Forgery(forge, token));
        return ResponseEntity.status(302).location(URI.create("/oauth2/authorization/xinyin")).build();
    }

    @GetMapping("/me")
    Map<String, Object> me(@AuthenticationPrincipal OidcUser user) {
        var id = user.getIdToken();
        return Map.of("claims", Map.of("sub", id.getSubject(), "nonce", id.getNonce()), "userinfo", user.getUserInfo().getClaims(), "id_token", id.getTokenValue());
    }

    @GetMapping("/refresh")
    Map<String, Object> refresh(@AuthenticationPrincipal OidcUser user) {
        OAuth2AuthorizedClient held = clients.getObject().loadAuthorizedClient("xinyin", user.getName());
        var registration = held.getClientRegistration();
        var next = new RestClientRefreshTokenTokenResponseClient()
                .getTokenResponse(new OAuth2RefreshTokenGrantRequest(registration, held.getAccessToken(), held.getRefreshToken()));
        var access = next.getAccessToken().getTokenValue();
        var turned = !access.equals(held.getAccessToken().getTokenValue())
                && !next.getRefreshToken().getTokenValue().equals(held.getRefreshToken().getTokenValue());
        Map<?, ?> userinfo = RestClient.create().get()
                .uri(registration.getProviderDetails().getUserInfoEndpoint().getUri())
                .headers(headers -> headers.setBearerAuth(access))
                .retrieve().body(Map.class);
        return Map.of("turned", turned, "sub", userinfo.get("sub"));
    }

    @GetMapping("/old")
    Map<String, Object> old(@RequestParam String token) {
        return Map.of("claims", Map.of("sub", decoders(YESTERDAY).createDecoder(registration.getObject()).decode(token).getSubject()));
    }

    @GetMapping("/signed-out")
    Map<String, Object> signedOut(HttpServletRequest request) {
        var answer = new HashMap<String, Object>();
        answer.put("signed_out", true);
        answer.put("state", request.getParameter("state"));
        return answer;
    }

    @ExceptionHandler
    ResponseEntity<Map<String, String>> refused(Exception error) {
        return ResponseEntity.badRequest().body(Map.of("refused", error.toString()));
    }

    /** Spring's own client of the token endpoint, with somebody on the line who changes ID tokens. */
    private RestClient forging() {
        return RestClient.builder()
                .configureMessageConverters(list -> list.addCustomConverter(new FormHttpMessageConverter())
                        .addCustomConverter(new OAuth2AccessTokenResponseHttpMessageConverter()))
                .defaultStatusHandler(new OAuth2ErrorResponseErrorHandler())
                .requestInterceptor((request, body, execution) -> {
                    var answer = execution.execute(request, body);
                    var how = forgery.getAndSet(null);
                    return how == null || answer.getStatusCode().isError() ? answer : Changed.of(answer, how);
                })
                .build();
    }

    private static String forged(String token, Forgery forgery) {
        var parts = token.split("\\.");
        return switch (forgery.how()) {
            case "signature" -> String.join(".", parts[0], parts[1], parts[2].substring(0, 8) + (parts[2].charAt(8) == 'A' ? 'B' : 'A') + parts[2].substring(9));
            case "claims" -> {
                var claims = new String(Base64.getUrlDecoder().decode(parts[1]), StandardCharsets.UTF_8).replaceFirst("\"sub\":\"", "\"sub\":\"x");
                yield String.join(".", parts[0], Base64.getUrlEncoder().withoutPadding().encodeToString(claims.getBytes(StandardCharsets.UTF_8)), parts[2]);
            }
            case "replace" -> forgery.token();
            default -> token;
        };
    }

    /** An answer with another ID token in it; its body may be read twice. */
    private record Changed(ClientHttpResponse answer, byte[] body) implements ClientHttpResponse {
        private static final Pattern ID_TOKEN = Pattern.compile("(\"id_token\":\")([^\"]+)");

        static Changed of(ClientHttpResponse answer, Forgery forgery) throws IOException {
            var text = new String(answer.getBody().readAllBytes(), StandardCharsets.UTF_8);
            var changed = ID_TOKEN.matcher(text).replaceFirst(found -> found.group(1) + forged(found.group(2), forgery));
            return new Changed(answer, changed.getBytes(StandardCharsets.UTF_8));
        }

        @Override
        public HttpStatusCode getStatusCode() throws IOException {
            return answer.getStatusCode();
        }

        @Override
        public String getStatusText() throws IOException {
            return answer.getStatusText();
        }

        @Override
        public InputStream getBody() {
            return new ByteArrayInputStream(body);
        }

        @Override
        public HttpHeaders getHeaders() {
            var headers = new HttpHeaders();
            headers.addAll(answer.getHeaders());
            headers.remove("Content-Length");
            return headers;
        }

        @Override
        public void close() {
            answer.close();
        }
    }
}
