{{- define "landbridge.name" -}}
{{- default .Release.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* Labels of one component: (dict "root" $ "component" "gateway") */}}
{{- define "landbridge.labels" -}}
{{ include "landbridge.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: landbridge
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "landbridge.selector" -}}
app.kubernetes.io/name: landbridge
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "landbridge.image" -}}
{{- $image := .Values.image -}}
{{- $repository := $image.registry | ternary (printf "%s/%s" $image.registry $image.repository) $image.repository -}}
{{- if $image.digest -}}
{{ printf "%s@%s" $repository $image.digest }}
{{- else -}}
{{ printf "%s:%s" $repository ($image.tag | default .Chart.AppVersion) }}
{{- end -}}
{{- end -}}

{{- define "landbridge.natsImage" -}}
{{- with .Values.nats.image -}}
{{ printf "%s:%s" (.registry | ternary (printf "%s/%s" .registry .repository) .repository) .tag }}
{{- end -}}
{{- end -}}

{{/* Secret with tls.crt, tls.key and ca.crt of the gateways. */}}
{{- define "landbridge.certificateSecret" -}}
{{- if eq .Values.certificates.mode "existing" -}}
{{ required "certificates.existingSecret: is empty, wanted the name of a Secret with tls.crt, tls.key and ca.crt" .Values.certificates.existingSecret }}
{{- else -}}
{{ include "landbridge.name" . }}-gateway-tls
{{- end -}}
{{- end -}}

{{/* DNS names of the gateways' certificate, one a line. */}}
{{- define "landbridge.dnsNames" -}}
{{- $name := printf "%s-gateway" (include "landbridge.name" .) -}}
{{- range $service := list $name (printf "%s-headless" $name) }}
{{ $service }}
{{ $service }}.{{ $.Release.Namespace }}
{{ $service }}.{{ $.Release.Namespace }}.svc
{{ $service }}.{{ $.Release.Namespace }}.svc.cluster.local
{{- end }}
localhost
{{- range .Values.certificates.dnsNames }}
{{ . }}
{{- end }}
{{- end -}}

{{- define "landbridge.region" -}}
{{ required "region: is empty, wanted the name of this region, such as us-east" .Values.region }}
{{- end -}}

{{- define "landbridge.natsUrls" -}}
{{- if eq .Values.nats.mode "external" -}}
{{- if not .Values.nats.external.urls }}{{ fail "nats.external.urls: is empty, wanted the URLs of your NATS servers" }}{{ end -}}
{{ join "," .Values.nats.external.urls }}
{{- else -}}
{{- $name := include "landbridge.name" . -}}
{{- $urls := list -}}
{{- range $index := until (int .Values.nats.replicas) -}}
{{- $urls = append $urls (printf "nats://%s-nats-%d.%s-nats-headless.%s.svc:4222" $name $index $name $.Release.Namespace) -}}
{{- end -}}
{{ join "," $urls }}
{{- end -}}
{{- end -}}

{{/* What gateway and operator need to reach NATS. */}}
{{- define "landbridge.natsEnv" -}}
- name: LANDBRIDGE_REGION
  value: {{ include "landbridge.region" . | quote }}
- name: LANDBRIDGE_NATS_SERVERS
  value: {{ include "landbridge.natsUrls" . | quote }}
- name: LANDBRIDGE_REPLICAS
  value: {{ .Values.nats.replicas | quote }}
{{- if eq .Values.nats.mode "external" }}
{{- with .Values.nats.external.domain }}
- name: LANDBRIDGE_NATS_DOMAIN
  value: {{ . | quote }}
{{- end }}
{{- if .Values.nats.external.credentialsSecret }}
- name: LANDBRIDGE_NATS_CREDENTIALS
  value: /etc/landbridge/nats-credentials/nats.creds
{{- end }}
{{- if .Values.nats.external.caSecret }}
- name: LANDBRIDGE_NATS_CA
  value: /etc/landbridge/nats-ca/ca.crt
{{- end }}
{{- end }}
{{- end -}}

{{- define "landbridge.natsMounts" -}}
{{- if eq .Values.nats.mode "external" }}
{{- if .Values.nats.external.credentialsSecret }}
- name: nats-credentials
  mountPath: /etc/landbridge/nats-credentials
  readOnly: true
{{- end }}
{{- if .Values.nats.external.caSecret }}
- name: nats-ca
  mountPath: /etc/landbridge/nats-ca
  readOnly: true
{{- end }}
{{- end }}
{{- end -}}

{{- define "landbridge.natsVolumes" -}}
{{- if eq .Values.nats.mode "external" }}
{{- with .Values.nats.external.credentialsSecret }}
- name: nats-credentials
  secret:
    secretName: {{ . }}
{{- end }}
{{- with .Values.nats.external.caSecret }}
- name: nats-ca
  secret:
    secretName: {{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The restricted profile of the pod security standards. */}}
{{- define "landbridge.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "landbridge.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "landbridge.downward" -}}
- name: {{ . }}
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- end -}}

{{/* A pod template with a user's merge over it: (dict "template" yaml "merge" map) */}}
{{- define "landbridge.merged" -}}
{{- toYaml (mustMergeOverwrite (fromYaml .template) (deepCopy .merge)) -}}
{{- end -}}
