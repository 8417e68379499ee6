# Varnish: keeps what the origin gives, compressed where @DO_GZIP@ is true.

vcl 4.1;

backend default {
    .host = "127.0.0.1";
    .port = "@ORIGIN@";
}

sub vcl_backend_response {
    set beresp.ttl = 1h;
    set beresp.do_gzip = @DO_GZIP@;
}
